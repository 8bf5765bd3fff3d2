file { '/a': ensure => file, mode => '0644' }
class k($p = 'pv') { } include k
notify { "mode ${File['/a']['mode']} ${File['/a'][ensure]} ${Class['k']['p']}": }
$f = File['/a']
notify { "r ${f} ${$f['mode']}": require => $f }
$list = [File['/a'], Class['k']]
notify { 'q': require => $list }
notify { 'h': message => { 'ref' => File['/a'] } }
