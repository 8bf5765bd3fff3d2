$a = @("END"/tn$)
  a\tb\nc \${x} \$y \s
  | END
$b = @(END/)
  a\tb\sc\u0041 \\ \$ \q
  | END
