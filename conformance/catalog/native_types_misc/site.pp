filebucket { 'main': server => 'x', path => false }
File { backup => main }
file { '/a': ensure => link, target => '/b' }
tidy { '/tmp': age => '1w', recurse => 1, matches => ['*.x'] }
schedule { 'maint': range => '2 - 4', period => daily }
resources { 'user': purge => true, unless_system_user => true }
exec { 'multi
line': command => '/bin/true' }
