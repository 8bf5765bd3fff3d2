$x = foo
(1).bar
