type foo = Bar
