define d { notify { "d ${title}": } }
d { 'a': } -> d { 'b': } ~> notify { 'end': }
D['a'] -> File['/x']
file { '/x': before => [D['b']] }
