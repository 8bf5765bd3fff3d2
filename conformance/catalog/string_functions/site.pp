$s = ' Hello World '
notify { 'r': message => [$s.strip, $s.upcase, $s.downcase.strip.capitalize, 'a-b-c'.split('-'), split('a1b2', /\d/), ['a','b'].join('/'), 'hello'.regsubst('l','L','G'), regsubst(['ab','cb'], 'b', 'x'), 'abc'.length, 'x'.empty, ''.empty, 'foo::bar'.split('::'), 'abc'.chop, "abc\n".chomp] }
