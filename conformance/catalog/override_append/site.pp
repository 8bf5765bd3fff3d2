class a { file { '/a': ensure => file, require => Notify['x'] } notify { ['x','y']: } }
class b inherits a { File['/a'] { require +> Notify['y'], tag +> 'tt' } }
include b
