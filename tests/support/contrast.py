"""How well the texts of a page stand out from what is behind them."""

CONTRASTS = """selector => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
  const context = canvas.getContext('2d');
  const rgba = color => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = rgb => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] > 250) return color;
    }
    return rgba(LiteGraph.NODE_DEFAULT_BGCOLOR);
  };
  return [...document.querySelectorAll(selector)].filter(one => one.offsetHeight).map(one => {
    const pair = [light(rgba(getComputedStyle(one).color)), light(behind(one))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""
"""A function of a selector: the contrast of each element, as the WCAG reckons it."""

LEAST_CONTRAST = 4.5
