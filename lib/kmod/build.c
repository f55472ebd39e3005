/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs make on the modules' sources, and says in advance what make would only stumble over. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/datadir.h"
#include "base/fs.h"
#include "base/text.h"
#include "base/version.h"
#include "kmod/backend.h"

#define LOG_NAME "build.log"
#define LOG_MAX (16u << 20)

static const char *env_or_null(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static char *source_dir(const struct kmod_build_options *o)
{
	const char *given = o->source ? o->source : env_or_null("P2PCERT_KMODS_DIR");

	return given ? xstrdup(given) : data_path("kmods");
}

static bool in_path(const char *program)
{
	const char *path = env_or_null("PATH");
	autofree char *dirs = xstrdup(path ? path : "/usr/bin:/bin");
	char *save, *dir;

	for (dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		autofree char *file = xasprintf("%s/%s", dir, program);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static int check(const char *source, const char *headers, const char *release, struct kmod_why *why)
{
	autofree char *makefile = xasprintf("%s/Makefile", source);
	autofree char *kernel_makefile = xasprintf("%s/Makefile", headers);

	if (strchr(release, '/') || !*release || strcmp(release, "..") == 0)
		return kmod_fail(why, -EINVAL, KMOD_FAILED, "'%s' is not a kernel release",
				 release);
	if (!fs_exists(AT_FDCWD, makefile))
		return kmod_fail(why, -ENOENT, KMOD_MISSING,
				 "there are no module sources in '%s': name their directory with "
				 "--source or P2PCERT_KMODS_DIR",
				 source);
	if (!fs_exists(AT_FDCWD, kernel_makefile))
		return kmod_fail(why, -ENOENT, KMOD_MISSING,
				 "there are no headers of kernel '%s' in '%s': install the package "
				 "'linux-headers-%s' (kernel-devel-%s)",
				 release, headers, release, release);
	if (!in_path("make"))
		return kmod_fail(why, -ENOENT, KMOD_MISSING,
				 "there is no make: install the package 'make'");
	return 0;
}

/* Runs in the child. */
static void exec_make(const char *const argv[], int log)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* what was set for us as another make's child is not meant for this one */
	unsetenv("MAKEFLAGS");
	unsetenv("MAKELEVEL");
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
	    dup2(log, STDERR_FILENO) >= 0)
		execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* The status of waitpid(), or a negative errno. */
static int run_make(const char *const argv[], int log)
{
	pid_t pid;
	int status;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_make(argv, log);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/*
 * The compiler's first error, or the last line that is not make's own account of failing; NULL: none. The
 * caller frees it.
 */
static char *what_failed(const char *log)
{
	autofree char *text = NULL;
	char *found = NULL, *line, *save;

	if (fs_read(AT_FDCWD, log, LOG_MAX, &text, NULL) < 0)
		return NULL;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!text_starts_with(line, "make"))
			found = line;
		if (strstr(line, " error: "))
			break;
	}
	return found ? text_sanitize(found, strlen(found)) : NULL;
}

static int judge(int status, const char *log, struct kmod_why *why)
{
	autofree char *message = NULL;

	if (status < 0)
		return kmod_fail(why, status, KMOD_FAILED, "cannot run make: %s",
				 strerror(-status));
	if (WIFSIGNALED(status))
		return kmod_fail(why, -EINTR, KMOD_FAILED, "make ended by signal %d; see '%s'",
				 WTERMSIG(status), log);
	if (WEXITSTATUS(status) == 0)
		return 0;
	message = what_failed(log);
	return kmod_fail(why, -EIO, KMOD_MISSING, "the modules could not be built: %s; see '%s'",
			 message ? message : "make failed", log);
}

/* make said that all is well: the modules must be there. */
static int check_result(const char *output, const char *log, struct kmod_why *why)
{
	for (size_t i = 0; i < kmod_modules_len; i++) {
		autofree char *file = kmod_file(output, kmod_modules[i].name);

		if (!file)
			return kmod_fail(why, -ENOENT, KMOD_MISSING,
					 "make did not build '%s/%s.ko'; see '%s'", output,
					 kmod_modules[i].name, log);
	}
	return 0;
}

static int build(const char *source, const char *headers, const char *release, const char *output,
		 bool verbose, int log_fd, const char *log, struct kmod_why *why)
{
	autofree char *arg_kdir = xasprintf("KDIR=%s", headers);
	autofree char *arg_kver = xasprintf("KVER=%s", release);
	autofree char *arg_out = xasprintf("OUT=%s", output);
	autofree char *arg_version = xasprintf("P2PCERT_VERSION=%s", p2pcert_version());
	const char *const argv[] = {
		"make",      "--no-print-directory", "-C", source, arg_kdir, arg_kver, arg_out,
		arg_version, verbose ? "V=1" : NULL, NULL
	};
	int r = judge(run_make(argv, log_fd), log, why);

	return r < 0 ? r : check_result(output, log, why);
}

int kmod_build(const struct kmod_env *env, const struct kmod_build_options *o, char **log,
	       struct kmod_why *why)
{
	autofree char *release = kmod_release(env);
	autofree char *source = source_dir(o);
	autofree char *headers = fs_under(env->sysroot, "/lib/modules/%s/build", release);
	autofree char *wanted = o->output ? xstrdup(o->output) : kmod_build_dir(env);
	autofree char *output = NULL;
	autoclose int fd = -1;
	int r = check(source, headers, release, why);

	*log = NULL;
	if (r < 0)
		return r;
	r = fs_mkdir_p(wanted, 0755);
	/* make runs elsewhere, and a kernel's build wants absolute paths */
	if (r == 0) {
		output = realpath(wanted, NULL);
		r = output ? 0 : -errno;
	}
	if (r < 0)
		return kmod_fail(why, r, KMOD_FAILED, "cannot make '%s': %s", wanted, strerror(-r));
	*log = xasprintf("%s/" LOG_NAME, output);
	fd = open(*log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		r = kmod_fail(why, -errno, KMOD_FAILED, "cannot write '%s': %s", *log,
			      strerror(errno));
		free(*log);
		*log = NULL;
		return r;
	}
	return build(source, headers, release, output, o->verbose, fd, *log, why);
}
