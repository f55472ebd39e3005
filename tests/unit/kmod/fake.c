/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel that fake.h describes. */
#include "fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>

#include "../test.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/jx.h"
#include "base/version.h"

struct fake fake;

void fake_write(const char *path, const char *text)
{
	autofree char *file = fs_under(fake.root, "%s", path);
	autofree char *copy = strdup(file);

	assert_int_equal(fs_mkdir_p(dirname(copy), 0755), 0);
	assert_int_equal(fs_publish(AT_FDCWD, file, text, strlen(text), 0644), 0);
}

static void show(const char *name, const char *attr, const char *text)
{
	autofree char *path = xasprintf("/sys/module/%s/%s", name, attr);

	if (text)
		fake_write(path, text);
}

void fake_show_loaded(const char *name)
{
	show(name, "refcnt", "0\n");
	show(name, "taint", fake.taint);
	show(name, "version", fake.version);
	show(name, "srcversion", fake.srcversion);
}

static int fake_insert(const char *path, const char *parameters)
{
	autofree char *copy = strdup(path);
	char *name = basename(copy);

	fake.nr_inserts++;
	snprintf(fake.inserted, sizeof(fake.inserted), "%s %s", path,
		 parameters ? parameters : "(none)");
	if (fake.insert_error)
		return fake.insert_error;
	*strchr(name, '.') = '\0';
	fake_show_loaded(name);
	return 0;
}

static int fake_insert_stock(const char *name)
{
	if (!fake.stock_error)
		show(name, "refcnt", "0\n");
	return fake.stock_error;
}

static void set_refcnt(const char *name)
{
	autofree char *path = fs_under(fake.root, "/sys/module/%s/holders", name);
	autofree char *text = NULL;
	unsigned int users = 0;
	DIR *dir = opendir(path);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		users += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	text = xasprintf("%u\n", users);
	show(name, "refcnt", text);
}

void fake_hold(const char *name, const char *holder)
{
	autofree char *link = xasprintf("holders/%s", holder);

	show(name, link, "");
	set_refcnt(name);
}

/* A module that went holds none of the others. */
static void release_held(const char *holder)
{
	autofree char *pattern = fs_under(fake.root, "/sys/module/*/holders/%s", holder);
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *path = found.gl_pathv[i];

		assert_int_equal(unlink(path), 0);
		*strstr(path, "/holders/") = '\0';
		set_refcnt(strrchr(path, '/') + 1);
	}
	globfree(&found);
}

static int fake_remove(const char *name)
{
	static const char *const attrs[] = { "refcnt",  "taint",   "version", "srcversion",
					     "holders", "drivers", "" };

	fake.nr_removes++;
	if (fake.remove_error)
		return fake.remove_error;
	if (fake.stubborn && strcmp(fake.stubborn, name) == 0)
		return -EAGAIN;
	snprintf(fake.removed + strlen(fake.removed), sizeof(fake.removed) - strlen(fake.removed),
		 "%s ", name);
	release_held(name);
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		autofree char *path = fs_under(fake.root, "/sys/module/%s/%s", name, attrs[i]);

		remove(path);
	}
	return 0;
}

static int fake_dependencies(attr_unused const char *name, json_t *names)
{
	for (size_t i = 0; fake.dependencies && fake.dependencies[i]; i++)
		jx_append_str(names, fake.dependencies[i]);
	return fake.dependencies_error;
}

static int fake_file_info(attr_unused const char *path, struct kmod_file_info *info)
{
	info->version = xstrdup(fake.file_version);
	info->srcversion = xstrdup(fake.file_srcversion);
	info->vermagic = xstrdup(fake.file_vermagic);
	return 0;
}

static int fake_ask(const char *node, struct p2pcert_version *version)
{
	autofree char *copy = strdup(node);

	*version = fake.answer;
	if (!version->module[0])
		snprintf(version->module, sizeof(version->module), "%s", basename(copy));
	return fake.ask_error;
}

struct kmod_env fake_reset(const char *root)
{
	static const struct kmod_backend backend = {
		.insert = fake_insert,
		.insert_stock = fake_insert_stock,
		.remove = fake_remove,
		.dependencies = fake_dependencies,
		.file_info = fake_file_info,
		.ask = fake_ask,
	};

	fake = (struct fake){
		.root = root,
		.file_version = p2pcert_version(),
		.file_srcversion = "0123456789ABCDEF",
		.file_vermagic = "6.66 SMP preempt mod_unload ",
		.taint = "OE\n",
		.version = p2pcert_version(),
		.srcversion = "0123456789ABCDEF\n",
		.answer = { .abi = P2PCERT_ABI_VERSION },
	};
	snprintf(fake.answer.version, sizeof(fake.answer.version), "%s", p2pcert_version());
	return (struct kmod_env){ .sysroot = root, .release = "6.66", .backend = &backend };
}
