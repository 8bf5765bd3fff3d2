$v = 'V'
$a = @(END)
  plain ${v}
    indented
  | END
$b = @("END"/L)
  interp ${v} \
  joined
  |- END
$c = @("X"/tn$)
 tab\there\n \$v ${v}
 - X
notify { 'a': message => $a } notify { 'b': message => $b } notify { 'c': message => $c }
