$a = "x ${'y} z"
