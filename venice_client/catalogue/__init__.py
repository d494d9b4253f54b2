"""Models and styles as far as they are known: constraints, sizes, prices."""
