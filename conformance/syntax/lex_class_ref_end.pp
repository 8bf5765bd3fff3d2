$x = Foo:: 
