"""What a release is made of: packages, one manifest, an inventory, their sums; each build of a commit makes the same."""
