$a = [application, site, consumes, produces, plan, apply]
import 'x'
