$x.foo = 1
foo(1) = 2
'x' = 3
Foo = 1
Foo[a] = 1
