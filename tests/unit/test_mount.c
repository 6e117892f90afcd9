// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mech/mount.h"

/* One that has not what is looked for: as a number that somebody else got since. */
static void test_join_of_another(void **state)
{
	struct stat before, after;
	pid_t pid = fork();
	int r;

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		pause();
		_exit(0);
	}
	assert_int_equal(stat("/proc/self/ns/mnt", &before), 0);
	r = mount_join(pid, "/nothing/is/mounted/here", NULL);
	assert_int_equal(stat("/proc/self/ns/mnt", &after), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(r, -ESRCH);
	assert_true(before.st_ino == after.st_ino);
	/* nor one that is gone */
	assert_int_equal(mount_join(pid, "/", NULL), -ESRCH);
}

static void test_listed(void **state)
{
	(void)state;
	assert_true(mount_listed("/proc"));
	assert_false(mount_listed("/proc/self"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join_of_another),
		cmocka_unit_test(test_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
