"""What a release is made of: packages, a manifest, an inventory, their sums; the same from each build of a commit."""
