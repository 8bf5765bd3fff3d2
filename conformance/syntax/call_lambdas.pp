each($x) |$y| { }
each($x) |$y, $z| { notice $y }
map($x) |Integer $y, Optional[String] $z = undef, *$rest| { $y }
foo() || { 1 }
foo(1, 2) |$a| >> Integer { 1 }
foo(1) |$a| >> Array[Integer] { $a }
$x = foo() |*$a| { $a }
foo(1) |$a,| { }
foo(1) |Integer *$a| { }
