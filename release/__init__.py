"""What a release is made of: packages, a manifest, a chart, an inventory, their sums; the same from each build."""
