class a ($x = [$y = 1], $z = foo() |$p| { $q = 1 }) {}
