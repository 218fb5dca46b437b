// Clip: y = min(max(x, lo), hi), as BVLC's master has had it since 2018. NaN becomes lo, as there.
#include <vector>

#include "caffe/layer_factory.hpp"
#include "caffe/layers/neuron_layer.hpp"

namespace caffe {

template <typename Dtype>
class ClipLayer : public NeuronLayer<Dtype> {
 public:
  explicit ClipLayer(const LayerParameter& param)
      : NeuronLayer<Dtype>(param),
        lo_(param.clip_param().min()), hi_(param.clip_param().max()) {}

  virtual inline const char* type() const { return "Clip"; }

 protected:
  virtual void Forward_cpu(const vector<Blob<Dtype>*>& bottom, const vector<Blob<Dtype>*>& top) {
    const Dtype* x = bottom[0]->cpu_data();
    Dtype* y = top[0]->mutable_cpu_data();
    for (int i = 0; i < bottom[0]->count(); ++i) {
      // The comparisons are this way round so that NaN, of which every comparison is false, ends as lo.
      const Dtype raised = x[i] > lo_ ? x[i] : lo_;
      y[i] = raised < hi_ ? raised : hi_;
    }
  }

  virtual void Backward_cpu(const vector<Blob<Dtype>*>& top, const vector<bool>& propagate_down,
                            const vector<Blob<Dtype>*>& bottom) {
    if (!propagate_down[0]) return;
    // In place the bottom holds y by now; y strictly inside the bounds is x inside them, so both cases agree.
    const Dtype* x = bottom[0]->cpu_data();
    const Dtype* dy = top[0]->cpu_diff();
    Dtype* dx = bottom[0]->mutable_cpu_diff();
    for (int i = 0; i < bottom[0]->count(); ++i) {
      dx[i] = (x[i] > lo_ && x[i] < hi_) ? dy[i] : Dtype(0);
    }
  }

 private:
  const Dtype lo_, hi_;
};

INSTANTIATE_CLASS(ClipLayer);
REGISTER_LAYER_CLASS(Clip);

}  // namespace caffe
