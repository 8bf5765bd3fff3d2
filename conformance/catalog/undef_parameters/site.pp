file { '/a': owner => undef, group => 'g' }
notify { 'x': message => [undef, 1, [undef]] }
notify { 'y': message => { a => undef, 'b' => [1,2] } }
