#!/usr/bin/env bash
# Makes a Python with newer alembic, SQLAlchemy and psycopg than Debian stable has, for test/adapters/alembic-newer.test.ts:
# newer-alembic.sh FOLDER. The versions are pinned; they come from the same Debian mirror that apt uses, of its release
# in the making. Safe to repeat. Ends with 1 and a reason where that mirror has them no more.
set -euo pipefail
folder=$1
wanted=(python3-alembic=1.18.4-2 python3-sqlalchemy=2.0.52+ds1-1 python3-psycopg=3.3.5-1 python3-mako=1.3.10-3
  python3-typing-extensions=4.16.0-5)
[ ! -x "$folder/bin/alembic" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
mkdir -p "$work"/{lists/partial,cache/archives/partial,files,debs}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror testing main" >"$work/sources.list"
own=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=)
apt-get "${own[@]}" -qq update
(cd "$work/debs" && apt-get "${own[@]}" -qq download "${wanted[@]}")
for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/files"; done

/usr/bin/python3 -m venv --without-pip --system-site-packages "$work/made"
cp -r "$work"/files/usr/lib/python3/dist-packages/. "$work"/made/lib/python3.*/site-packages/
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$work/made" "$folder"
printf '#!%s/bin/python3\nimport sys\nfrom alembic.config import main\nsys.exit(main())\n' "$(realpath "$folder")" >"$folder/bin/alembic.part"
chmod +x "$folder/bin/alembic.part"
mv "$folder/bin/alembic.part" "$folder/bin/alembic"
