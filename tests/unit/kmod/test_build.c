/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/kmod/build.c: what is found before make runs, what make is given, and what is believed of it. */
#include <fcntl.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/version.h"
#include "fake.h"

struct machine {
	struct kmod_env env;
	struct kmod_build_options o;
	struct kmod_why why;
	char *source;
	char *output;
	char *log;
	int result;
};

static void machine_build(struct machine *m)
{
	m->result = kmod_build(&m->env, &m->o, &m->log, &m->why);
}

static void machine_init(struct machine *m, void *dir)
{
	*m = (struct machine){ .env = fake_reset(dir) };
	m->source = fs_under(dir, "/source");
	m->output = fs_under(dir, "/out/put");
	m->o = (struct kmod_build_options){ .source = m->source, .output = m->output };
	fake_write("/lib/modules/6.66/build/Makefile", "# headers\n");
}

static void machine_release(struct machine *m)
{
	free(m->source);
	free(m->output);
	free(m->log);
	m->log = NULL;
	kmod_why_release(&m->why);
}

static void expect_missing(struct machine *m, const char *word)
{
	machine_build(m);
	assert_true(m->result < 0);
	if (!strstr(m->why.text, word))
		fail_msg("'%s' does not speak of '%s'", m->why.text, word);
	machine_release(m);
}

static void prerequisites(void **state)
{
	autofree char *headers = fs_under(*state, "/lib/modules/6.66/build/Makefile");
	autofree char *path = xstrdup(getenv("PATH"));
	struct machine m;

	machine_init(&m, *state);
	expect_missing(&m, "there are no module sources");

	fake_write("/source/Makefile", "all:\n");
	machine_init(&m, *state);
	setenv("PATH", *state, 1);
	expect_missing(&m, "install the package 'make'");
	setenv("PATH", path, 1);

	machine_init(&m, *state);
	assert_int_equal(remove(headers), 0);
	expect_missing(&m, "install the package 'linux-headers-6.66'");

	machine_init(&m, *state);
	m.env.release = "../../etc";
	expect_missing(&m, "is not a kernel release");
}

static void what_make_is_given(void **state)
{
	autofree char *text = NULL, *args = NULL;
	struct machine m;

	machine_init(&m, *state);
	fake_write("/source/Makefile",
		   "all:\n"
		   "\t@echo said by make; echo and by its children >&2\n"
		   "\t@echo '$(KDIR)|$(KVER)|$(OUT)|$(P2PCERT_VERSION)|$(V)' >$(OUT)/args\n"
		   "\t@touch $(OUT)/p2pcert_p2p.ko $(OUT)/p2pcert_edu.ko $(OUT)/p2pcert_devpriv.ko "
		   "\\\n"
		   "\t\t$(OUT)/p2pcert_dmabuf.ko $(OUT)/p2pcert_iova.ko\n");
	m.o.verbose = true;
	machine_build(&m);
	assert_int_equal(m.result, 0);
	assert_int_equal(fs_read(AT_FDCWD, m.log, 1000, &text, NULL), 0);
	assert_string_equal(text, "said by make\nand by its children\n");
	free(text);
	text = NULL;
	args = fs_under(*state, "/out/put/args");
	assert_int_equal(fs_read_attr(AT_FDCWD, args, &text), 0);
	free(args);
	args = xasprintf("%s/lib/modules/6.66/build|6.66|%s|%s|1", (char *)*state, m.output,
			 p2pcert_version());
	assert_string_equal(text, args);
	machine_release(&m);
}

static void make_fails(void **state)
{
	struct machine m;

	machine_init(&m, *state);
	fake_write("/source/Makefile",
		   "all:\n\t@echo \"no compiler 'gcc-99': install gcc-99\" >&2; exit 1\n");
	machine_build(&m);
	assert_int_equal(m.result, -EIO);
	assert_int_equal(m.why.reason, KMOD_MISSING);
	assert_non_null(strstr(m.why.text, "install gcc-99"));
	assert_non_null(strstr(m.why.text, m.log));
	machine_release(&m);
}

/* Of what a compiler says at length, the first error is told. */
static void compiler_fails(void **state)
{
	struct machine m;

	machine_init(&m, *state);
	fake_write("/source/Makefile", "all:\n\t@echo 'a.c:1:2: error: no such thing'\n"
				       "\t@echo 'a.c:9:2: error: because of that'\n"
				       "\t@echo '   9 | x'\n\t@false\n");
	expect_missing(&m, "could not be built: a.c:1:2: error: no such thing; see");
}

/* A make that claims success is not believed without its modules. */
static void make_lies(void **state)
{
	struct machine m;

	machine_init(&m, *state);
	fake_write("/source/Makefile", "all:\n\t@touch $(OUT)/p2pcert_p2p.ko\n");
	machine_build(&m);
	assert_int_equal(m.result, -ENOENT);
	assert_non_null(strstr(m.why.text, "did not build"));
	machine_release(&m);
}

static void output_is_no_directory(void **state)
{
	struct machine m;

	machine_init(&m, *state);
	fake_write("/source/Makefile", "all:\n");
	fake_write("/out", "a file\n");
	machine_build(&m);
	assert_int_equal(m.result, -ENOTDIR);
	assert_null(m.log);
	machine_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_dir(prerequisites), test_in_dir(what_make_is_given),
		test_in_dir(make_fails),    test_in_dir(compiler_fails),
		test_in_dir(make_lies),     test_in_dir(output_is_no_directory),
	};

	unsetenv("P2PCERT_KMODS_BUILD");
	unsetenv("P2PCERT_KMODS_DIR");
	return cmocka_run_group_tests_name("kmod/build", tests, NULL, NULL);
}
