if $a { notice 1 }
if $b { notice 2 } else { notice 3 }
file { a: b => c }
