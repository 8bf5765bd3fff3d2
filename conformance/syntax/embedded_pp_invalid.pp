$a = @(END:pp)
  class A { }
  | END
