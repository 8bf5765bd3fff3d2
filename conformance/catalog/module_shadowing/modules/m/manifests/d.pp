define m::d { notify { "d ${title} ${module_name} ${caller_module_name}": } m::inner { "in ${title}": } }
