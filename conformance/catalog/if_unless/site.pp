$x = 5
if $x > 10 { notify { 'big': } } elsif $x > 3 { notify { 'mid': } } else { notify { 'small': } }
unless $x == 5 { notify { 'not5': } } else { notify { 'is5': } }
$v = if $x == 5 { 'five' } else { 'other' }
notify { $v: }
$w = unless true { 1 }
notify { 'w': message => [$w] }
if '' { notify { 'emptytrue': } }
if undef { } else { notify { 'undeffalse': } }
