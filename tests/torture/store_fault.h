/* A history that can no longer be written, as on a disk that is full: SQLite's own file functions, but for
 * those that write. */
#pragma once

/* Before the history is opened: files that SQLite opens from now on can be harmed. */
void store_fault_install(void);
/* From now on nothing is written. From any thread. */
void store_fault_begin(void);
