notify { 'a': before => Notify['b'] }
notify { 'b': require => [Notify['c'], [Notify['d']]], notify => undef }
notify { 'c': subscribe => 'Notify[d]' }
notify { 'd': }
class k { } include k
notify { 'e': require => Class['k'] }
file { '/f': require => Class['::k'], before => [Notify['a','b']] }
