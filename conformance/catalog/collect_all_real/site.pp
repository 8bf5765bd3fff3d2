class w { file { '/a': ensure => file } file { '/b': ensure => file } }
include w
File <| |> { owner => 'root' }
File <| owner == 'root' |> { group => 'grp' }
