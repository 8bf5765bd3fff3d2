notify { 'r': message => [SemVer('1.2.3') < SemVer('1.10.0'), '1.2.3' in SemVerRange('>=1.0.0'), SemVer('2.0.0') =~ SemVerRange('<3'), "${SemVer('1.2.3-rc1')}", versioncmp('1.2','1.10')] }
notify { "${Timespan(90)} ${Timespan({hours => 1}) + 5}": }
