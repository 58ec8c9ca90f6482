/** Every rule of the check is seen failing. One process for all of them: most of the time goes into rendering and schemas. */
import './mistakes/capacity.ts';
import './mistakes/fleet.ts';
import './mistakes/pods.ts';
import './mistakes/settings.ts';
import './mistakes/traffic.ts';
import './mistakes/ways-in.ts';
