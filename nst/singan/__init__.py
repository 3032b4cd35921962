"""A pyramid of networks trained on one picture (SinGAN, Shaham et al. 2019)."""
