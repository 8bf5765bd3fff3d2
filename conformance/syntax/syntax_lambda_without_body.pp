foo() |$x|
