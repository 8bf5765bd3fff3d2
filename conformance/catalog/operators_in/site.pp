$r = ['a' in 'banana', 'A' in 'banana', 'x' in 'banana', 'a' in ['A','b'], 1 in [1.0, 2], 'k' in {k => 1}, /an+/ in 'banana', /^b/ in ['abc','bcd'], Integer in ['a', 1], 'eye' in [/^e/, 'x'], undef in [undef]]
notify { 'r': message => $r }
