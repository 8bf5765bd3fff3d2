$x = foo- bar
