"""The names of `d2l`, by the module that defines them."""
from __future__ import annotations

EXPORTS = {
    "errors": "InputError",
    "devices": "try_all_gpus try_gpu",
    "interactive": "show_interactive",
    "plotting": "bbox_to_rect plt set_figsize show_bboxes show_code show_images to_picture use_svg_display",
    "training": "Benchmark Scoring evaluate_accuracy fit get_batch mkdir_if_not_exist seed_everything train "
                "train_with_decay",
    "resnet": "Residual corr2d resnet18",
    "augmentation": "ALL_TRANSFORMS FLIP_AUG NO_AUG apply load_cifar10 train_with_data_aug viewable",
    "finetuning": "FrozenFeatures conv_features evaluate_loss find_source fine_tuned from_scratch pooled_features "
                  "pretrain_source test_augs train_augs train_fine_tuning train_output",
    "boxes": "box_area box_scale center_to_corner clip_boxes corner_to_center decode_offsets encode_offsets iou nms",
    "anchors": "multibox_detection multibox_prior multibox_target show_anchors",
    "ssd": "SSDLoss TinySSD base_net bbox_eval bbox_predictor cls_eval cls_predictor concat_preds detect "
           "down_sample_blk flatten_pred focal_loss get_blk show_detections smooth_l1 train_ssd",
    "rcnn": "FastRCNN FasterRCNN GluonCVDetector GluonCVSegmenter MaskRCNN RCNN roi_align roi_pooling",
    "rcnn.faster_rcnn": "RegionProposal anchors_of suppress",
    "rcnn.instances": "draw_creatures voc_objects",
    "rcnn.losses": "MaskLoss MultiTaskLoss",
    "rcnn.mask_rcnn": "MaskHead paste",
    "rcnn.mask_scores": "given_boxes_ious mask_iou mask_ious",
    "rcnn.parts": "RegionDetector RegionHead small_features",
    "rcnn.proposals": "propose recall",
    "rcnn.roi": "crop_regions pixel_rois",
    "rcnn.targets": "label_anchors label_regions mask_targets sample_regions",
    "rcnn.train_rcnn": "alternate train_rcnn",
    "transposed_conv": "conv_size insert_zeros kernel2matrix trans_conv trans_conv_as_conv trans_conv_multi "
                       "trans_conv_size",
    "fcn": "bilinear_kernel fcn label2image normalize_image predict",
    "style": "FeatureExtractor Frames GeneratedImage LossGraph compute_loss content_loss get_inits gram postprocess "
             "preprocess style_loss transfer tv_loss",
    "run.script": "start",
    "run.section": "output_folder",
    "run.source": "feature_extractor source_network",
    "data.cifar10": "CIFAR10 CIFAR10_CLASSES",
    "data.hotdog": "load_hotdog",
    "data.hub": "data_folder",
    "data.loader": "data_loader",
    "data.images": "image_folder",
    "data.kaggle": "read_label_file reorg_cifar10_data reorg_dog_data reorg_dog_train_valid reorg_test "
                   "reorg_train_valid unpack_kaggle_cifar10 unpack_kaggle_dog write_submission",
    "data.normalization": "CIFAR10_MEAN CIFAR10_STD IMAGENET_MEAN IMAGENET_STD",
    "data.pixels": "read_picture",
    "data.pikachu": "example_picture load_data_pikachu load_pikachu",
    "data.voc": "VOCSegDataset VOC_CLASSES VOC_COLORMAP download_voc_pascal read_voc_images voc_classes "
                "voc_colormap2label voc_label_indices voc_rand_crop",
    "data.voc_middles": "VOCMiddles",
}
MODULE_OF = {name: module for module, names in EXPORTS.items() for name in names.split()}
