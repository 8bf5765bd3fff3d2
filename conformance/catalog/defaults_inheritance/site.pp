class p { File { mode => '0644', owner => 'p' } include c }
class c { file { '/c': } }
class q inherits p { file { '/q': group => 'q' } File { owner => 'q' } file { '/q2': } }
include q
define dd { File { mode => '0777' } file { "/dd/${title}": } }
dd { 'x': }
file { '/top': }
