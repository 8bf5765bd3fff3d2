1 = 2
$a = @(END:pp)
  class A { }
  class B { }
 $x = {a => 1, a => 2}
  | END
