class apache(Apache::Port $port = 8080) { notify { "apache ${port} ${module_name}": } include apache::params }
