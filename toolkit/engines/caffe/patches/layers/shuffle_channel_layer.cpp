// ShuffleChannel: axis 1 seen as (group, C / group) and transposed, so that channel i * C/group + j moves to j * group + i.
#include <vector>

#include "caffe/layer.hpp"
#include "caffe/layer_factory.hpp"
#include "caffe/util/math_functions.hpp"

namespace caffe {

template <typename Dtype>
class ShuffleChannelLayer : public Layer<Dtype> {
 public:
  explicit ShuffleChannelLayer(const LayerParameter& param)
      : Layer<Dtype>(param), group_(param.shuffle_channel_param().group()) {}

  virtual inline const char* type() const { return "ShuffleChannel"; }
  virtual inline int ExactNumBottomBlobs() const { return 1; }
  virtual inline int ExactNumTopBlobs() const { return 1; }

  virtual void LayerSetUp(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    CHECK_GT(group_, 0) << "shuffle_channel_param.group must be positive.";
    CHECK_NE(bottom[0], top[0]) << this->type() << " Layer does not allow in-place computation.";
  }

  virtual void Reshape(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    CHECK_GE(bottom[0]->num_axes(), 2) << "ShuffleChannel needs a channel axis (axis 1).";
    CHECK_EQ(bottom[0]->shape(1) % group_, 0) << "channels must be a multiple of shuffle_channel_param.group.";
    top[0]->ReshapeLike(*bottom[0]);
  }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    Move(*bottom[0], group_, bottom[0]->cpu_data(), top[0]->mutable_cpu_data());
  }

  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom) {
    if (!propagate_down[0]) return;
    // The inverse of a shuffle into g groups is the shuffle into C / g groups.
    Move(*bottom[0], bottom[0]->shape(1) / group_, top[0]->cpu_diff(), bottom[0]->mutable_cpu_diff());
  }

 private:
  static void Move(const Blob<Dtype>& shape, int rows, const Dtype* from, Dtype* to) {
    const int columns = shape.shape(1) / rows;
    const int plane = shape.count(2);
    for (int n = 0; n < shape.shape(0); ++n) {
      for (int i = 0; i < rows; ++i) {
        for (int j = 0; j < columns; ++j) {
          caffe_copy(plane, from + (i * columns + j) * plane, to + (j * rows + i) * plane);
        }
      }
      from += shape.count(1);
      to += shape.count(1);
    }
  }

  const int group_;
};

INSTANTIATE_CLASS(ShuffleChannelLayer);
REGISTER_LAYER_CLASS(ShuffleChannel);

}  // namespace caffe
