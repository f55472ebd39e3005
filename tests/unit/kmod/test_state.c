/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/state.c: where modules are found, and all the ways in which one is not ours. */
#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "fake.h"

#define NAME "p2pcert_p2p"
#define INSTALLED "/lib/modules/6.66/updates/p2pcert/"
#define CACHED "/var/cache/p2pcert/kmods/6.66/"

static void find_directory(void **state)
{
	struct kmod_env env = fake_reset(*state);
	autofree char *installed = fs_under(*state, INSTALLED);
	autofree char *built = xasprintf("%s/built", (char *)*state);
	autofree char *none = NULL, *cached = NULL, *variable = NULL, *first = NULL, *given = NULL;

	none = kmod_dir(&env);
	assert_null(none);
	fake_write(CACHED NAME ".ko", "x");
	cached = kmod_dir(&env);
	assert_non_null(strstr(cached, "/var/cache/p2pcert/kmods/6.66"));
	setenv("P2PCERT_KMODS_BUILD", built, 1);
	none = kmod_dir(&env);
	assert_null(none);
	fake_write("/built/p2pcert_edu.ko", "x");
	variable = kmod_dir(&env);
	assert_string_equal(variable, built);
	/* an installation is preferred to it, and also found when it is compressed */
	fake_write(INSTALLED NAME ".ko.zst", "x");
	first = kmod_dir(&env);
	assert_memory_equal(first, installed, strlen(first));
	unsetenv("P2PCERT_KMODS_BUILD");
	env.dir = "/nowhere";
	given = kmod_dir(&env);
	assert_string_equal(given, "/nowhere");
}

static void verified(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	struct kmod_state s;

	fake_write(INSTALLED NAME ".ko", "x");
	assert_int_equal(kmod_state_read(&env, NAME, &s), 0);
	assert_false(s.loaded);
	assert_false(s.verified);
	assert_null(s.problem);
	kmod_state_release(&s);
	assert_int_equal(kmod_verify(&env, NAME, NULL, &why), -ENOENT);
	assert_int_equal(why.reason, KMOD_MISSING);
	kmod_why_release(&why);

	fake_show_loaded(NAME);
	assert_int_equal(kmod_verify(&env, NAME, &s, &why), 0);
	assert_true(s.loaded);
	assert_true(s.verified);
	assert_null(s.problem);
	assert_string_equal(s.srcversion, "0123456789ABCDEF");
	assert_string_equal(s.taint, "OE");
	kmod_state_release(&s);
}

/* Loads with the fake as it is and expects a doubt that has the word in it. */
static void doubted(const struct kmod_env *env, const char *word)
{
	struct kmod_why why = { 0 };
	struct kmod_state s;

	fake_show_loaded(NAME);
	assert_int_equal(kmod_state_read(env, NAME, &s), 0);
	assert_true(s.loaded);
	assert_false(s.verified);
	assert_non_null(s.problem);
	if (!strstr(s.problem, word))
		fail_msg("'%s' does not speak of '%s'", s.problem, word);
	kmod_state_release(&s);
	assert_int_equal(kmod_verify(env, NAME, NULL, &why), -EPERM);
	assert_int_equal(why.reason, KMOD_REJECTED);
	kmod_why_release(&why);
}

static void not_ours(void **state)
{
	struct kmod_env env = fake_reset(*state);

	doubted(&env, "p2pcert kmod build");
	fake_write(INSTALLED NAME ".ko", "x");

	fake.taint = "E\n";
	doubted(&env, "outside");
	fake_reset(*state);
	fake.version = "9.9\n";
	doubted(&env, "'9.9'");
	fake_reset(*state);
	fake.srcversion = "FFFF\n";
	doubted(&env, "srcversion 'FFFF'");
	fake_reset(*state);
	fake.file_version = "0.0.0-other";
	doubted(&env, "build it again");
	fake_reset(*state);
	fake.file_version = NULL;
	doubted(&env, "not a module");
	fake_reset(*state);
	fake.file_vermagic = "6.666 SMP ";
	doubted(&env, "was built for '6.666 SMP '");
	fake_reset(*state);
	fake.ask_error = -EACCES;
	doubted(&env, "does not answer");
	fake_reset(*state);
	fake.answer.abi++;
	doubted(&env, "interface version");
	fake_reset(*state);
	strcpy(fake.answer.module, "p2pcert_edu");
	doubted(&env, "another module");
	fake_reset(*state);
	memset(fake.answer.module, 'x', sizeof(fake.answer.module));
	doubted(&env, "another module");
	fake_reset(*state);
	strcpy(fake.answer.version, "0");
	doubted(&env, "another version");
}

static void link_to_elsewhere(void **state)
{
	struct kmod_env env = fake_reset(*state);
	autofree char *target = fs_under(*state, "/elsewhere/" NAME ".ko");
	autofree char *link = fs_under(*state, INSTALLED NAME ".ko");

	fake_write("/elsewhere/" NAME ".ko", "x");
	fake_write(INSTALLED "p2pcert_edu.ko", "x");
	assert_int_equal(symlink(target, link), 0);
	doubted(&env, "is a link to outside");
}

/* No device, so nobody to ask. */
static void module_without_device(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };

	fake.ask_error = -ENOENT;
	fake_write(INSTALLED "p2pcert_edu.ko", "x");
	fake_show_loaded("p2pcert_edu");
	assert_int_equal(kmod_verify(&env, "p2pcert_edu", NULL, &why), 0);
}

static void unknown_name(void **state)
{
	struct kmod_env env = fake_reset(*state);
	struct kmod_why why = { 0 };
	struct kmod_state s;

	assert_int_equal(kmod_state_read(&env, "ext4", &s), -ENOENT);
	assert_int_equal(kmod_verify(&env, "ext4", NULL, &why), -ENOENT);
	kmod_why_release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(find_directory),
		test_in_dir(verified),
		test_in_dir(not_ours),
		test_in_dir(link_to_elsewhere),
		test_in_dir(module_without_device),
		test_in_dir(unknown_name),
	};

	unsetenv("P2PCERT_KMODS_BUILD");
	return cmocka_run_group_tests_name("kmod/state", tests, NULL, NULL);
}
