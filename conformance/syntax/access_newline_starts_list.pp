$x = foo
[1].each |$y| { }
