$a = @("END")
  x ${y} $z \n \${q}
  ${foo[1]}
  | END
