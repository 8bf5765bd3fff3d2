class a { File['/late'] { mode => '0600' } file { '/late': owner => 'o' } }
include a
