@notify { ['a','b']: }
@file { '/x': }
realize Notify['a']
realize(Notify['b'], File['/x'])
