/* Compiled only where no folder beside this file has an archive for the processor (library.properties: precompiled=full). */
#error "elbow has no archive for this processor: the README.md of the library lists those that it has"
