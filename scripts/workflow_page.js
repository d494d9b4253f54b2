// Runs inside ComfyUI's page: builds a graph from plain data, and gives it back as ComfyUI saves it.

// Adds the nodes of `specs` that are not made yet, then all links.
async function place(specs, made) {
  const graph = window.app.graph;
  for (const spec of specs) {
    if (made[spec.key]) continue;
    const node = window.LiteGraph.createNode(spec.type);
    if (!node) throw new Error(`ComfyUI has no node ${spec.type}`);
    graph.add(node);
    node.pos = spec.pos;
    for (const [name, value] of Object.entries(spec.widgets)) {
      const widget = node.widgets.find((candidate) => candidate.name === name) ?? onlyWidget(node);
      widget.value = value;
      widget.callback?.(value); // else the node does not follow its model
    }
    made[spec.key] = node;
  }
  for (const spec of specs) {
    for (const [input, [key, output]] of Object.entries(spec.links)) {
      const to = await slotOf(made[spec.key], input);
      const from = made[key].findOutputSlot(output);
      if (from < 0 || to < 0) throw new Error(`no link ${key}.${output} to ${spec.key}.${input}`);
      made[key].connect(from, made[spec.key], to);
    }
    const [width, height] = made[spec.key].computeSize();
    made[spec.key].setSize([Math.max(spec.size[0], width), Math.max(spec.size[1], height)]);
  }
  return made;
}

// A socket that only some models have comes when the node has noticed its model.
async function slotOf(node, input) {
  for (let tries = 0; tries < 100 && node.findInputSlot(input) < 0; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return node.findInputSlot(input);
}

async function build(specs, id) {
  const graph = window.app.graph;
  graph.clear();
  graph.id = id;
  graph.extra = {};
  return await place(specs, {});
}

// The output of the page's own builder of apps: widgets, and nodes with results.
async function buildApp({ nodes, inputs, outputs }, id) {
  const made = await build(nodes, id);
  window.app.graph.extra = {
    linearMode: true,
    linearData: {
      inputs: inputs.map(([key, widget]) => [made[key].id, widget]),
      outputs: outputs.map((key) => made[key].id),
    },
  };
}

async function buildBlueprint({ nodes, description, inputs, outputs }, name, id) {
  const made = await build(nodes, id);
  const graph = window.app.graph;
  const { subgraph, node } = graph.convertToSubgraph(new Set(Object.values(made)));
  subgraph.name = node.title = name;
  graph.extra = { BlueprintDescription: description };
  // A node with a connected seed leaves an input that leads nowhere.
  for (const input of [...subgraph.inputs]) subgraph.removeInput(input);
  const inner = (key) => subgraph.nodes.find(({ type }) => type === made[key].type);
  for (const [title, key, input] of inputs) {
    const slot = inner(key).inputs[inner(key).findInputSlot(input)];
    subgraph.addInput(title, String(slot.type)).connect(slot, inner(key));
  }
  for (const [title, key, output] of outputs) {
    const slot = inner(key).outputs[inner(key).findOutputSlot(output)];
    subgraph.addOutput(title, String(slot.type)).connect(slot, inner(key));
  }
  subgraph.inputNode.pos = [-160, 80];
  subgraph.outputNode.pos = [900, 80];
  node.pos = [420, 80];
  node.setSize([360, node.computeSize()[1] + 120]);
}

// Puts what it takes to run it around the blueprint that is loaded.
async function surround(specs) {
  await place(specs, { blueprint: window.app.graph.nodes[0] });
}

// A note's one box of text has no name to rely on.
function onlyWidget(node) {
  if (node.widgets.length !== 1) throw new Error(`${node.type} has no such widget`);
  return node.widgets[0];
}

function bounds() {
  const all = window.app.graph.nodes.map((node) => node.boundingRect);
  const left = Math.min(...all.map((b) => b[0])), top = Math.min(...all.map((b) => b[1]));
  const right = Math.max(...all.map((b) => b[0] + b[2]));
  const bottom = Math.max(...all.map((b) => b[1] + b[3]));
  return { left, top, right, bottom };
}

// The place of the graph on the page, in pixels.
function onPage() {
  const { scale, offset } = window.app.canvas.ds;
  const { left, top, right, bottom } = bounds();
  const box = window.app.canvas.canvas.getBoundingClientRect();
  return {
    x: (left + offset[0]) * scale + box.left,
    y: (top + offset[1]) * scale + box.top,
    width: (right - left) * scale,
    height: (bottom - top) * scale,
  };
}

function showAll() {
  const canvas = window.app.canvas;
  const { left, top, right, bottom } = bounds();
  const box = canvas.canvas.getBoundingClientRect();
  const scale = Math.min(1, (box.width - 160) / (right - left), (box.height - 180) / (bottom - top));
  canvas.ds.scale = scale;
  canvas.ds.offset[0] = (box.width / scale - (right - left)) / 2 - left;
  canvas.ds.offset[1] = (box.height / scale - (bottom - top)) / 2 - top;
  canvas.setDirty(true, true);
}

// As text and back, as the page itself writes a file: that leaves out what is undefined, and older
// pages refuse a null in its place.
async function save() {
  const { output } = await window.app.graphToPrompt();
  return JSON.parse(JSON.stringify({ workflow: window.app.graph.serialize(), prompt: output }));
}

async function reload(workflow) {
  await window.app.loadGraphData(workflow);
  return await save();
}

// Away from the app, which hides the canvas.
async function clean() {
  await window.app.extensionManager.command.execute("Comfy.NewBlankWorkflow");
  while (!window.app.canvas.canvas.getBoundingClientRect().width) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function run() {
  await window.app.queuePrompt(0);
}

window.veniceWorkflows = {
  build,
  buildApp,
  buildBlueprint,
  surround,
  showAll,
  onPage,
  save,
  reload,
  clean,
  run,
};
