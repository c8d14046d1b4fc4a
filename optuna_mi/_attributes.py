"""The user attributes that this package writes into studies and trials: every name, once.

Names without ``mi:`` are columns that people sort by in the dashboard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of a study: the first worker writes them, the others compare (search_space/_freeze,
# _shared_study).
SPACE_ATTR = "mi:space"  # the frozen space, JSON
FINGERPRINT_ATTR = "mi:fingerprint"  # its hash
CREATOR_ATTR = "mi:creator"  # which of several starters writes the rest
DATASET_ATTR = "mi:dataset"
ANALYSIS_ATTR = "mi:analysis"  # the decay analysis, thinned, JSON
TRAINING_ATTR = "mi:training"  # the settings that all trials share
ASKED_ATTR = "mi:asked"  # what the space was asked for; written last

# Of a trial.
DILATIONS_ATTR = "dilations"  # "1,2,4,8" (search_space)
IHYLL_FINAL_ATTR = "ihyll_final"  # nats, after the last epoch (training, integrations)
IHYLL_REFERENCE_ATTR = "ihyll_reference"  # nats, what IHYLL is compared with: H(Y), IXY or a number
EPOCHS_ATTR = "epochs"  # epochs run
BEST_EPOCH_ATTR = "best_epoch"
TEST_ATTR = "test"  # the test score of the best epoch's weights
IHYLL_ATTR = "mi:ihyll"  # the series by epoch (pruners/_series)
LEARNING_RATES_ATTR = "mi:lr"  # the same for the learning rate
REASON_ATTR = "mi:reason"  # why a diverged trial was pruned (training/_loop)
SEED_ATTR = "mi:seed"  # training/_trial_identity
CHECKPOINT_KEY_ATTR = "mi:checkpoint"  # which file is this trial's (training/_trial_checkpoint)
CHECKPOINT_FILE_ATTR = "mi:checkpoint_file"  # where the best weights lie (training/_load_best)
SPARED_ATTR = "mi:spared"  # how often the pruner spared it (pruners)
CELL_ATTR = "mi:cell"  # which cell of the grid it has (samplers/_claims)
FAILED_ATTR = "mi:failed"  # how often that cell failed before (samplers/_claims)
RECOMMENDED_ATTR = "mi:recommended"  # it inherits the failed recommendation (samplers/_heirs)

# what IHYLL_REFERENCE_ATTR was called in studies made before it had a name of its own
_OLD_REFERENCE = "ixy"


def ihyll_reference(user_attrs: Mapping[str, Any]) -> Any:
    """Return what a trial's IHYLL is compared with, or ``None``; old studies are read too."""
    return user_attrs.get(IHYLL_REFERENCE_ATTR, user_attrs.get(_OLD_REFERENCE))
