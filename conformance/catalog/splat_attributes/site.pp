$common = { 'mode' => '0644', 'owner' => 'root' }
file { '/a': * => $common, ensure => file }
file { default: * => $common; '/b': group => 'x' }
