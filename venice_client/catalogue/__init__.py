"""What is known of models and styles: constraints, sizes, prices."""
